"""Every difference that is meant."""

CORRECTED = [
    "a session that was ended leaves no record",
    "a save that began before a logout does not bring the session back",
    "an id that the store does not know is not taken from a cookie",
    "a new id is stored at the end of the request, saved or not",
    "cookies are read one by one, and the last that is right counts",
    "saving alone saves",
    "the proxy is a whole mapping",
    "a response that depends on the session says so",
    "the application's list of headers stays its own",
    "a change that comes after the headers is warned of",
    "a session without a cookie takes what concerns one",
    "a session that cannot be decoded is one kind of error",
    "the memory store drops what has expired",
    "a session has the namespace of its id at any time",
]
