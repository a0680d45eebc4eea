"""What a user can mend."""


class UserError(Exception):
    """A mistake of the user, or a state of the machine that the user has to change.

    Its message is one or more sentences that say what to do; commands print it and end with code 2.
    """
