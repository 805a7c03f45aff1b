"""How everything looks: a warm neutral, one accent, fonts that ship with Gradio, light and dark. Nothing is fetched.

Of the fonts that Gradio ships, few have Latin letters in every weight: IBM Plex has them in regular and bold.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, fonts, sizes

STYLES = ("_style.css", "_compare.css", "_image.css", "_latent.css", "_grid.css", "_history.css", "_share.css")
CSS = "".join(Path(__file__).with_name(name).read_text() for name in STYLES)
HEAD = '<meta name="color-scheme" content="light dark">'


def theme() -> gr.themes.Base:
    """The theme of every tab; `_style.css` adds what it can't say."""
    return gr.themes.Base(
        primary_hue=colors.teal,
        secondary_hue=colors.teal,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_md,
        spacing_size=sizes.spacing_md,
        font=(fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif"),
        font_mono=(fonts.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"),
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#171513",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1f1c1a",
        background_fill_secondary="#f4f2ef",
        background_fill_secondary_dark="#262220",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_title_text_weight="600",
        block_title_text_size="*text_sm",
        block_title_text_color="*body_text_color",
        block_info_text_color="*body_text_color_subdued",
        block_info_text_color_dark="*body_text_color_subdued",
        body_text_color="#292524",
        body_text_color_dark="#e9e5e1",
        body_text_color_subdued="#68605a",
        body_text_color_subdued_dark="#aaa29b",
        border_color_primary="#e3dfda",
        border_color_primary_dark="#3a3532",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1f1c1a",
        input_border_color="#d6d1cb",
        input_border_color_dark="#4a4440",
        input_border_width="1px",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_shadow_focus="0 0 0 2px rgb(13 148 136 / 25%)",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#eeebe7",
        button_secondary_background_fill_dark="#332e2b",
        button_secondary_background_fill_hover="#e3dfda",
        button_secondary_background_fill_hover_dark="#403a36",
        slider_color="*primary_700",
        slider_color_dark="*primary_400",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_600",
    )
