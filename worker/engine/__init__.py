"""Who gets what, when: intake, processing, stepping. Meets delivery only in the message table."""
