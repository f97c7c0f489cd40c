"""What comes with an installation from elsewhere: a bill of materials, licences, known vulnerabilities."""
