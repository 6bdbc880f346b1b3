"use strict";
// Checking a receipt in the reader's own browser: the leaf's hash, its path to the root (RFC 6962),
// and the signature under the note that names this root (C2SP signed-note, Ed25519). Nothing of the
// gateway is believed here but what it hands over. It is as strict as `playhead audit verify-receipt`.
const HOLDS = "holds", BROKEN = "broken", UNSIGNED = "unsigned";

function bytesOf(text) {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) throw new Error("what is to be base64 is none");
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}
function same(one, other) { return one.length === other.length && one.every((byte, at) => byte === other[at]); }
const utf8 = new TextEncoder();
async function sha256(...parts) { return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts))); }
const LEAF = Uint8Array.of(0), NODE = Uint8Array.of(1), KIND = Uint8Array.of(1);

async function readKey(text) {  // NAME+HEX(id)+BASE64(1 || 32 bytes)
  const [, name, id, spelt] = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) || [];
  if (!name) throw new Error("the key is spelt NAME+ID+KEY");
  const key = bytesOf(spelt);
  if (key.length !== 33 || key[0] !== 1) throw new Error("the key is none of Ed25519");
  const tells = (await sha256(utf8.encode(name + "\n"), key)).slice(0, 4);
  if (hex(tells) !== id) throw new Error("the key is not the one that its id tells of");
  return {name, id: tells, key: key.slice(1)};
}
function hex(bytes) { return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""); }

// The root that a leaf and the hashes beside its path lead to (RFC 9162, 2.1.3.2)
async function rootOf(leaf, index, size, proof) {
  if (index >= size) throw new Error("the leaf lies behind the end of the tree");
  let at = index, last = size - 1n, hash = leaf;
  for (const beside of proof) {
    if (last === 0n) throw new Error("the proof is too long");
    if ((at & 1n) === 1n || at === last) {
      hash = await sha256(NODE, beside, hash);
      while ((at & 1n) === 0n && at !== 0n) { at >>= 1n; last >>= 1n; }
    } else {
      hash = await sha256(NODE, hash, beside);
    }
    at >>= 1n; last >>= 1n;
  }
  if (last !== 0n) throw new Error("the proof is too short");
  return hash;
}

// What Avro makes of a string: its length, zigzag and seven bits a byte, and its UTF-8
function asString(text) {
  const content = utf8.encode(text), length = [];
  let number = 2 * content.length;
  while (number >= 128) { length.push(number & 127 | 128); number = Math.floor(number / 128); }
  return joined(Uint8Array.from([...length, number]), content);
}
function contains(whole, part) {
  for (let at = whole.indexOf(part[0]); at >= 0; at = whole.indexOf(part[0], at + 1))
    if (same(whole.subarray(at, at + part.length), part)) return true;
  return false;
}

// The text above the blank line, and [name, key's id, signature] of each line below (C2SP signed-note)
function readNote(note) {
  const parted = note.lastIndexOf("\n\n"), lines = note.slice(parted + 2).split("\n");
  if (parted < 0 || note.length > 1e6 || lines.pop() !== "" || lines.length < 1 || lines.length > 100 || /[^\n\P{Cc}]|\p{Cs}/u.test(note))
    throw new Error("the checkpoint is no signed note");
  const signatures = lines.map((line) => {
    const [, name, spelt] = /^— ([^+\s]+) (\S+)$/.exec(line) || [];
    const signed = name && bytesOf(spelt);
    if (!signed || signed.length <= 4) throw new Error("the checkpoint has a line that is no signature");
    return [name, signed.slice(0, 4), signed.slice(4)];
  });
  return [note.slice(0, parted + 1), signatures];
}
function isNumber(text) { return /^(?:0|[1-9]\d{0,18})$/.test(text); }
function isPlace(lines, name) {  // one line tells where the partition's first leaf lies, one where the next will
  const told = lines.filter((line) => line.startsWith(name));
  return told.length === 1 && isNumber(told[0].slice(name.length));
}

// Returns {said, why, key, size}: whether it holds, and in words why not, or what was shown
async function checkReceipt(receipt, place, request, trusted) {
  if (!globalThis.crypto?.subtle) {
    return {said: UNSIGNED, why: "this page was not opened by https or on this machine, so the browser lends it no cryptography: save the file and check it with `playhead audit verify-receipt`"};
  }
  try {
    if (receipt.format !== 1) throw new Error("this page reads receipts of format 1 alone");
    if (receipt.topic !== place.topic || receipt.partition !== place.partition || receipt.offset !== place.offset)
      throw new Error("the receipt is of another record");
    const leaf = bytesOf(receipt.leaf);
    const offset = new DataView(leaf.buffer).getBigInt64(1);
    if (leaf[0] !== 1 || offset !== BigInt(place.offset)) throw new Error("the record that is proved lies elsewhere");
    if (!contains(leaf, asString(request))) throw new Error("the record that is proved is not of this request");
    for (const told of [receipt.request, receipt.text])
      if (told && !contains(leaf, asString(told))) throw new Error("what the receipt tells does not stand in the record it proves");
    const key = await readKey(trusted || receipt.key);
    const [text, signatures] = readNote(receipt.checkpoint), [origin, size, root, ...others] = text.split("\n");
    if (!isNumber(size) || !isPlace(others, "first ") || !isPlace(others, "next ")) throw new Error("the checkpoint does not say how large the log was");
    if (origin !== key.name + "/" + place.topic + "/" + place.partition) throw new Error("the checkpoint is of another log or partition: " + origin);
    if (!Number.isSafeInteger(receipt.index) || receipt.index < 0) throw new Error("the receipt names no leaf of a tree");
    const led = await rootOf(await sha256(LEAF, leaf), BigInt(receipt.index), BigInt(size), receipt.proof.map(bytesOf));
    if (!same(led, bytesOf(root))) throw new Error("the record does not lead to the root that was signed: it was changed");
    const mine = signatures.find(([name, id]) => name === key.name && same(id, key.id));
    if (!mine) throw new Error("the checkpoint is not signed by this key");
    let imported;
    try { imported = await crypto.subtle.importKey("raw", key.key, "Ed25519", false, ["verify"]); }
    catch {
      return {said: UNSIGNED, key, size, why: "the record leads to the root, but this browser has no Ed25519 to check who signed it: save the file and check it with `playhead audit verify-receipt`"};
    }
    if (!(await crypto.subtle.verify("Ed25519", imported, mine[2], utf8.encode(text))))
      throw new Error("the signature does not hold: the checkpoint was changed");
    return {said: HOLDS, key, size, why: "one of " + size + " records that were signed by " + key.name};
  } catch (error) {
    return {said: BROKEN, why: error instanceof DOMException ? "the receipt can’t be read" : error.message};
  }
}
