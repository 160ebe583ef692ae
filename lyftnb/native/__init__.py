"""The compiled part: from bytes to Arrow's columns at the speed of memory.

It is C, one small library that is built when lyftnb is installed where a C compiler is at hand.
Where there is none everything works, and text is decoded by Polars alone, at a third of the speed.
What is here takes what is plain beyond doubt and leaves what is not; it decides nothing else. It
knows nothing of lyftnb.
"""
