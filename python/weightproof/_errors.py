"""What goes wrong, as exceptions. Their text is the program's own message, with places and carets."""


class WeightproofError(Exception):
    """Base of everything that this package raises."""


class ModelError(WeightproofError):
    """A model cannot be read, or not run on what it was given."""


class ClaimsError(WeightproofError):
    """A claim file is wrong."""


class NotProved(WeightproofError, AssertionError):
    """raise_if_not_proved: a claim is not proved. `claims` are those."""

    def __init__(self, message, claims):
        super().__init__(message)
        self.claims = claims
