import { RekindleError } from "../errors.ts";

/** What the first bytes of files say that are no text, and what to do with each. */
const binaries: readonly (readonly [string, string, string])[] = [
  ["7f454c46", "an ELF file (a program, a library or a core dump)", "rekindle inspect FILE"],
  ["1f8b", "compressed with gzip", "zcat FILE | rekindle explain -"],
  ["28b52ffd", "compressed with zstd", "zstdcat FILE | rekindle explain -"],
  ["fd377a585a00", "compressed with xz", "xzcat FILE | rekindle explain -"],
  ["425a68", "compressed with bzip2", "bzcat FILE | rekindle explain -"],
  ["504b0304", "a zip archive", "unpack it and pass the log inside"],
  ["4c504b5348485248", "a systemd journal", "journalctl --file FILE | rekindle explain -"],
  ["89504e47", "a picture", "copy the text out of it, or type the line with the error"],
  ["ffd8ff", "a picture", "copy the text out of it, or type the line with the error"],
  ["25504446", "a PDF file", "pdftotext FILE - | rekindle explain -"],
];

/** Text that arrives in pieces: bytes in UTF-8 or UTF-16, as Linux and PowerShell write it. */
export async function* decodeText(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  let head: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    if (decoder) {
      yield decoder.decode(chunk, { stream: true });
      continue;
    }
    // Enough bytes to tell the encoding by; pipes may deliver one at a time.
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (head.length < sampleBytes) continue;
    decoder = decoderOf(head, name);
    yield decoder.decode(head, { stream: true });
  }
  if (!decoder) {
    decoder = decoderOf(head, name);
    yield decoder.decode(head, { stream: true });
  }
  yield decoder.decode();
}

const sampleBytes = 4096;

/** Throws "file-invalid" where the bytes are no text. */
function decoderOf(head: Uint8Array, name: string): TextDecoder {
  const sample = head.subarray(0, sampleBytes);
  const hex = Buffer.from(sample.subarray(0, 8)).toString("hex");
  if (hex.startsWith("fffe")) return new TextDecoder("utf-16le");
  if (hex.startsWith("feff")) return new TextDecoder("utf-16be");
  const known = binaries.find(([magic]) => hex.startsWith(magic));
  if (known) throw binary(name, `it is ${known[1]}`, known[2].replace("FILE", name));
  const zeros = [0, 0];
  let controls = 0;
  sample.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2]!++;
    else if (byte < 32 && !textControls.has(byte)) controls++;
  });
  const half = sample.length / 2;
  // Text in Latin letters as UTF-16 has a zero in nearly every second byte and none between.
  if (zeros[1]! > 0.7 * half && zeros[0]! < 0.05 * half) return new TextDecoder("utf-16le");
  if (zeros[0]! > 0.7 * half && zeros[1]! < 0.05 * half) return new TextDecoder("utf-16be");
  if (zeros[0]! + zeros[1]! + controls > 0.05 * sample.length) {
    throw binary(name, "it is binary, not text", "pass what the program printed");
  }
  return new TextDecoder("utf-8");
}

/** Tab, line feed, form feed, carriage return, escape (colours), backspace (progress bars). */
const textControls = new Set([9, 10, 12, 13, 27, 8]);

function binary(name: string, why: string, fix: string): RekindleError {
  return new RekindleError("file-invalid", `log ${name} cannot be read: ${why}`, { fix });
}
