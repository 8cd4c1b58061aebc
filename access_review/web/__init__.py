"""The browser's face of the same stages: pages for reviewers, approvers, operations and auditors.

:mod:`.server` listens, :mod:`.guard` stands before everything, :mod:`.application` has the
table of pages with who may open each. A page reads and writes through stages and stores, as
the command line does; both may work at once. Nothing here is imported before ``serve`` is.
"""
