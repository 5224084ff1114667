// pulumi-resource-kubernetes: the provider as its module has it. The module's own command embeds files that
// only its publisher's build makes; the schema is a file of the module, which the build lays into this folder.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

func main() {
	provider.Serve("kubernetes", "4.24.0", schema, []byte("{}"))
}
