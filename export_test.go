package quiver

var GitGroup = gitGroup
