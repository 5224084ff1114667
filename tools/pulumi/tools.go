//go:build tools

// Package tools keeps the command this folder builds among its requirements.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
