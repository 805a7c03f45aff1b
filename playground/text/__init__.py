"""Text: tales told token by token by a causal language model."""
