package logfiles

import (
	"bytes"
	"path/filepath"
	"strings"
)

// Why a file is not read, or not text.
const (
	compressed = "compressed"
	binaryData = "binary"
	folder     = "folder"
	special    = "special"
	permission = "permission"
	failing    = "failing"
)

// headSize is how much of a file's beginning tells what it is, and which.
const headSize = 1024

var compressedNames = map[string]bool{
	".gz": true, ".tgz": true, ".xz": true, ".txz": true, ".lzma": true, ".bz2": true, ".tbz2": true, ".zst": true,
	".tzst": true, ".lz4": true, ".lzo": true, ".z": true, ".zip": true, ".7z": true, ".rar": true, ".br": true,
	".sz": true,
}

func compressedName(path string) bool {
	return compressedNames[strings.ToLower(filepath.Ext(path))]
}

var magics = []string{
	"\x1f\x8b\x08",             // gzip
	"\x1f\x9d",                 // compress
	"\xfd7zXZ\x00",             // xz
	"\x28\xb5\x2f\xfd",         // zstd
	"\x04\x22\x4d\x18",         // lz4
	"\x02\x21\x4c\x18",         // lz4, old
	"\x89LZO\x00\r\n\x1a\n",    // lzop
	"PK\x03\x04",               // zip
	"7z\xbc\xaf\x27\x1c",       // 7z
	"Rar!\x1a\x07",             // rar
	"\xff\x06\x00\x00sNaPpY",   // snappy
	"\x5d\x00\x00\x80\x00\xff", // lzma
}

// judge tells from a file's first bytes whether it is text, and written how;
// reason is empty for text.
func judge(head []byte) (enc encoding, reason string) {
	for _, magic := range magics {
		if bytes.HasPrefix(head, []byte(magic)) {
			return utf8Text, compressed
		}
	}
	if len(head) > 9 && bytes.HasPrefix(head, []byte("BZh")) && string(head[4:10]) == "1AY&SY" {
		return utf8Text, compressed
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return utf8Text, binaryData // UTF-32
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return utf16Little, ""
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return utf16Big, ""
	case strangeRuns(head[blank(head, utf8Text):]) >= 8:
		return utf8Text, binaryData
	}
	return utf8Text, ""
}

// strangeRuns counts the stretches of control characters that no text has. One
// long stretch of zeros is what a power cut leaves in a text file; many short
// ones are a binary file.
func strangeRuns(data []byte) int {
	runs, inside := 0, false
	for _, c := range data {
		strange := c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\b' && c != '\v' && c != 0x1b
		if strange && !inside {
			runs++
		}
		inside = strange
	}
	return runs
}
