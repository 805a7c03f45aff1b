"""The page: one tab, one file. Gradio only: layout and wiring, no model code and no torch.

A module here whose name has no leading underscore is a tab. It offers `TITLE`, `ORDER` (tabs stand in it) and
`build(demo, engine)`, which is called inside its `gr.Tab`.
"""
