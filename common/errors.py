"""The one exception that stands for bad input, as against a defect of the program."""


class UserError(Exception):
    """Something the user can mend. The message names the file or id and says what to do.

    Commands print it as one line and leave with exit status 2.
    """
