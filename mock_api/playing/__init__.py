"""Playing a script: when each part of an answer is sent, and what the journal keeps of it."""
