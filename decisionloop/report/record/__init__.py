"""What the story says, as plain data: every sentence, table and chart is made from here."""
