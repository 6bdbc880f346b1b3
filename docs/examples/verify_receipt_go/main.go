// Check a receipt of Playhead with the Go team's own packages: go run . RECEIPT KEY
//
// KEY is the public key of whose log it is, NAME+ID+BASE64, from where its owner publishes it.
// The signature is checked by golang.org/x/mod/sumdb/note, the proof by golang.org/x/mod/sumdb/tlog:
// the packages that the go command checks modules by. Prints what is proved, or says what is wrong
// and exits with 1.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// receipt has the fields that are checked; bytes are base64, as encoding/json reads them.
type receipt struct {
	Topic      string
	Partition  int64
	Offset     int64
	Index      int64
	Leaf       []byte
	Proof      []tlog.Hash
	Checkpoint string
	State      string
	Request    string
	Text       string
}

// versionOfLeaf begins each leaf, before offset and time of the record.
const versionOfLeaf = 1

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verify_receipt RECEIPT KEY")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "this receipt proves nothing:", err)
		os.Exit(1)
	}
}

func verify(path, key string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var r receipt
	if err := json.Unmarshal(content, &r); err != nil {
		return err
	}
	if r.State == "pending" {
		return errors.New("no checkpoint covered the record yet: get it again")
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return err
	}
	signed, err := note.Open([]byte(r.Checkpoint), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	origin, size, root, err := readCheckpoint(signed.Text)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s/%s/%d", verifier.Name(), r.Topic, r.Partition); origin != want {
		return fmt.Errorf("the checkpoint is of %s", origin)
	}
	if r.Index < 0 || r.Index >= size {
		return fmt.Errorf("a tree of %d leaves has no leaf %d", size, r.Index)
	}
	if err := tlog.CheckRecord(r.Proof, size, root, r.Index, tlog.RecordHash(r.Leaf)); err != nil {
		return err
	}
	return r.tell(origin, size)
}

// readCheckpoint reads origin, size and root: the first three lines of a C2SP tlog-checkpoint.
func readCheckpoint(text string) (origin string, size int64, root tlog.Hash, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return "", 0, root, errors.New("the note is no checkpoint")
	}
	if size, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", 0, root, err
	}
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || copy(root[:], hash) != tlog.HashSize {
		return "", 0, root, errors.New("the checkpoint has no root")
	}
	return lines[0], size, root, nil
}

// tell says what the proved record holds, if the receipt says the same of it.
func (r receipt) tell(origin string, size int64) error {
	if len(r.Leaf) < 17 || r.Leaf[0] != versionOfLeaf {
		return errors.New("the leaf is of another form")
	}
	offset := int64(binary.BigEndian.Uint64(r.Leaf[1:9]))
	if offset != r.Offset {
		return fmt.Errorf("the record lies at offset %d", offset)
	}
	for _, told := range []string{r.Request, r.Text} {
		if told != "" && !bytes.Contains(r.Leaf, avroString(told)) {
			return errors.New("what it tells does not stand in the record")
		}
	}
	fmt.Printf("record %d of %s is one of %d signed\n", offset, origin, size)
	fmt.Printf("sha256 of the record: %x\n", sha256.Sum256(r.Leaf))
	if r.Text != "" {
		fmt.Println("it holds this text:", r.Text)
	}
	return nil
}

// avroString spells a text as Avro does: its length as a zigzag varint, and its UTF-8.
func avroString(text string) []byte {
	return append(binary.AppendVarint(nil, int64(len(text))), text...)
}
