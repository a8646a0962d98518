"""HTTP/2 as an attacker and as an observer: frames, header blocks and connections made by hand."""
