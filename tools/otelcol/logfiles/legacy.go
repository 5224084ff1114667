package logfiles

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// known is what upstream's filelog, which this receiver took the place of, had
// read of a file.
type known struct {
	Fingerprint struct {
		FirstBytes []byte `json:"first_bytes"`
	}
	Offset int64
}

// filelogType and filelogKey are where filelog keeps its checkpoints.
var filelogType = component.MustNewType("filelog")

const filelogKey = "file_input.knownFiles"

// filelogCheckpoints reads what filelog left in the same storage, so that an
// upgrade reads no file again.
func filelogCheckpoints(ctx context.Context, host component.Host, extension *component.ID, name string) ([]known, error) {
	client, err := clientOf(ctx, host, extension, component.NewIDWithName(filelogType, name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close(ctx) }()
	return readFilelog(ctx, client)
}

func readFilelog(ctx context.Context, client storage.Client) ([]known, error) {
	text, err := client.Get(ctx, filelogKey)
	if err != nil || text == nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var count int
	if err := decoder.Decode(&count); err != nil {
		return nil, err
	}
	var found []known
	for range count {
		var one known
		if err := decoder.Decode(&one); err != nil {
			return found, err
		}
		if len(one.Fingerprint.FirstBytes) > 0 && one.Offset > 0 {
			found = append(found, one)
		}
	}
	return found, nil
}

// take gives the offset that filelog had reached in a file, and takes it from
// the list: where files begin alike, only one of them was read.
func take(list *[]known, file io.ReaderAt, size int64) int64 {
	best := -1
	for i, one := range *list {
		first := make([]byte, len(one.Fingerprint.FirstBytes))
		if n, _ := file.ReadAt(first, 0); n < len(first) || !bytes.Equal(first, one.Fingerprint.FirstBytes) {
			continue
		}
		if one.Offset <= size && (best < 0 || one.Offset > (*list)[best].Offset) {
			best = i
		}
	}
	if best < 0 {
		return 0
	}
	offset := (*list)[best].Offset
	*list = append((*list)[:best], (*list)[best+1:]...)
	return offset
}
