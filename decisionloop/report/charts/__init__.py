"""How the story shows it: charts as SVG text."""
