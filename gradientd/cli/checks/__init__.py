"""What `gradientd doctor` looks at, one room of the machine a file.

It refuses to change anything: each check looks, says what it found, and what would set it right.
"""
