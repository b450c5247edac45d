"""The Photo tab: one photo in the colors of all approaches, in a viewer where colors are compared, adjusted and fixed.

`run`, `recolor`, `canvas` and `downloads` do the work, `session` holds a visitor's state; none of them knows Gradio.
"""
