"""Prompt-guided generation with small models that this project trains itself. Never imports gradio."""

__version__ = "0.1.0"
