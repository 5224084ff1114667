// prometheus-operator-crds: writes the definitions of the operator's objects, which its module has as files.
package main

import (
	"embed"
	"io/fs"
	"os"
)

//go:embed *.yaml
var files embed.FS

func main() {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		os.Stdout.Write(append([]byte("---\n"), text...))
	}
}
