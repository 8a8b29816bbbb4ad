"""`facsim studio`: a page on this machine alone, with a control for everything that a picture is drawn from.

`server` speaks HTTP on the loopback address, `desk` says what each address answers, `settings` reads what the page
asks for, `controls` finds what can be asked for, `pictures` draws it, `page` is the page. It has nothing to do with
`facsim.models.studio`, which holds the renderer's device arrays.
"""

__all__: list[str] = []
