//go:build tools

// Package tools keeps the commands this folder builds among its requirements.
package tools

import _ "github.com/prometheus/node_exporter"
