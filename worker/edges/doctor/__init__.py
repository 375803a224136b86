"""`phin doctor`: looks at everything that sending depends on, and says what to do about what is wrong."""
