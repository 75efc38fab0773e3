"""Validation of requests as the APIs do it: fields, values, histories."""
