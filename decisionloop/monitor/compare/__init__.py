"""How two distributions are compared: bins, profiles, distances, natural variation, and the words for a change."""
