// Check a receipt of Playhead with the Go team's own packages: go run . RECEIPT KEY [WITNESS KEY ...]
//
// KEY is the public key of whose log it is, NAME+ID+BASE64, from where its owner publishes it.
// The signature is checked by golang.org/x/mod/sumdb/note, the proof by golang.org/x/mod/sumdb/tlog:
// the packages that the go command checks modules by. Every witness that is named by its key (Ed25519)
// must have cosigned the checkpoint. Prints what is proved, or says what is wrong and exits with 1.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

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
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: verify_receipt RECEIPT KEY [WITNESS KEY ...]")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "this receipt proves nothing:", err)
		os.Exit(1)
	}
}

func verify(path, key string, witnesses []string) error {
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
	for _, key := range witnesses {
		if err := cosigned(r.Checkpoint, key); err != nil {
			return err
		}
	}
	return r.tell(origin, size)
}

// cosigned says whether a witness has signed a checkpoint too: C2SP tlog-cosignature, Ed25519.
func cosigned(checkpoint, key string) error {
	w, err := newWitness(key)
	if err != nil {
		return err
	}
	signed, err := note.Open([]byte(checkpoint), note.VerifierList(w))
	if err != nil {
		return fmt.Errorf("%s has not cosigned: %w", w.name, err)
	}
	signature, err := base64.StdEncoding.DecodeString(signed.Sigs[0].Base64)
	if err != nil {
		return err
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(signature[4:])), 0)
	fmt.Printf("cosigned by %s at %s\n", w.name, at.UTC().Format(time.RFC3339))
	return nil
}

// witness is a note.Verifier of cosignatures: eight bytes of time, then a signature over both.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

const cosignatureEd25519 = 4

func newWitness(vkey string) (*witness, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(vkey), "+")
	id, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignatureEd25519 {
		return nil, errors.New("the key of the witness is none of Ed25519")
	}
	digest := sha256.Sum256(append([]byte(name+"\n"), key...))
	if hex.EncodeToString(digest[:4]) != id {
		return nil, errors.New("the key of the witness is not the one that its id tells of")
	}
	return &witness{name, binary.BigEndian.Uint32(digest[:4]), key[1:]}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	message := append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
	return ed25519.Verify(w.key, message, signature[8:])
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
