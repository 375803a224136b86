"""What is wrong with flows that can be read: what nobody reaches, what can never be made, what goes round."""
