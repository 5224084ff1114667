// Package guard closes the gaps through which upstream components lose records
// although every one of their settings says otherwise:
//
//   - filelog advances its checkpoint past records that it could not hand over
//     when it is stopped or reloaded while the pipeline pushes back;
//   - a record that is handed over again has been changed by the first attempt;
//   - the persistent queue deletes what was in flight before it is back in the
//     queue when it starts, and drops an item that it fails to read from disk.
//
// The components themselves stay as they are: what they are given is wrapped.
package guard

import (
	"context"
	"maps"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// host hands out storage clients that wrap makes of the real ones.
type host struct {
	component.Host
	wrap func(storage.Client) storage.Client
}

func (h *host) GetExtensions() map[component.ID]component.Component {
	extensions := maps.Clone(h.Host.GetExtensions())
	for id, extension := range extensions {
		if store, ok := extension.(storage.Extension); ok {
			extensions[id] = &wrappedStorage{Extension: store, wrap: h.wrap}
		}
	}
	return extensions
}

type wrappedStorage struct {
	storage.Extension
	wrap func(storage.Client) storage.Client
}

func (w *wrappedStorage) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	client, err := w.Extension.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, err
	}
	return w.wrap(client), nil
}
