"""What goes wrong. Messages are the library's: what was found, what is allowed, and where."""


class Error(Exception):
    """Anything that this package refuses or cannot do."""


class Refused(Error, ValueError):
    """A file, picture, text or argument is not what it must be, or a model lacks what is asked."""


class Unreadable(Error, OSError):
    """A file could not be read or written."""
