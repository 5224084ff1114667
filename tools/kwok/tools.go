//go:build tools

// Package tools keeps the command this folder builds among its requirements.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
