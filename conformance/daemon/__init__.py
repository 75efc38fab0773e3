"""Starting and watching an implementation: manifest, build, process, guardian."""
