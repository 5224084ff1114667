package anew

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

var (
	factory = Extension(filestorage.NewFactory(), func(config component.Config) string { return config.(*filestorage.Config).Directory })
	of      = component.MustNewIDWithName("logfiles", "orders")
)

// use starts the storage in a folder, does something with a client of it, and ends both.
func use(t *testing.T, folder string, do func(storage.Client)) {
	t.Helper()
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = folder
	config.Compaction.Directory = folder
	made, err := factory.Create(context.Background(), extensiontest.NewNopSettings(factory.Type()), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	client, err := made.(storage.Extension).GetClient(context.Background(), component.KindReceiver, of, "")
	if err != nil {
		t.Fatal(err)
	}
	do(client)
	if err := client.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := made.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// open-telemetry/opentelemetry-collector-contrib#36840, #35899, grafana/loki#6268: what a power cut leaves.
func TestABrokenFileIsPutAsideAndNoOther(t *testing.T) {
	const name = "receiver_logfiles_orders"
	for what, spoil := range map[string]func([]byte) []byte{
		"zeros":         func(was []byte) []byte { return make([]byte, len(was)) },
		"rubbish":       func(was []byte) []byte { return bytes.Repeat([]byte("rubbish "), len(was)/8) },
		"pages wrong":   func(was []byte) []byte { return append(was[:8192:8192], bytes.Repeat([]byte{7}, len(was)-8192)...) },
		"a short piece": func(was []byte) []byte { return was[:100] },
		"whole":         func(was []byte) []byte { return was },
		"empty":         func([]byte) []byte { return nil },
	} {
		t.Run(what, func(t *testing.T) {
			folder := t.TempDir()
			use(t, folder, func(client storage.Client) {
				if err := client.Set(context.Background(), "a", []byte("b")); err != nil {
					t.Fatal(err)
				}
			})
			path := filepath.Join(folder, name)
			was, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, spoil(was), 0o600); err != nil {
				t.Fatal(err)
			}
			want := ""
			if what == "whole" {
				want = "b"
			}
			for range 2 {
				use(t, folder, func(client storage.Client) {
					if found, err := client.Get(context.Background(), "a"); err != nil || string(found) != want {
						t.Errorf("got %q, %v", found, err)
					}
				})
			}
			kept, _ := filepath.Glob(path + ".*" + aside)
			if broken := what != "whole" && what != "empty"; broken != (len(kept) == 1) {
				t.Errorf("put aside: %v", kept)
			}
		})
	}
}
