"""From today's access to first templates: look at files, mine roles, draft templates, score, learn.

Everything here takes values and returns values: it reads no file and knows no clock.
Nothing here decides anything; each result carries the counts that a person can check.
"""
