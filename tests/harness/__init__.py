"""Starts and drives the whole RA for the quickstart and the tests: database, development CA, httpd, people, the main job."""
