"""A release beside the champion: does it do harm that no outcome is needed to see, and is its draw right?"""
