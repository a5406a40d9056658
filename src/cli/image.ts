import { extname } from "node:path";
import sharp, { type Sharp } from "sharp";
import { messageOf, RekindleError } from "../errors.ts";

/** A decoded picture: bytes row by row, the channels of a pixel side by side (HWC). */
export interface Picture {
  readonly height: number;
  readonly width: number;
  /** 1 is grey, 3 is RGB. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** How a picture is brought to a network's size. */
export type Resize = "crop" | "letterbox" | "stretch";

export interface PictureSpec {
  readonly channels: 1 | 3;
  /** Left out: the picture keeps its own size. */
  readonly size?: { readonly height: number; readonly width: number };
  readonly resize: Resize;
}

/** The grey of letterbox bars, as in YOLO. */
const barGrey = { r: 114, g: 114, b: 114 };
const fits = { crop: "cover", letterbox: "contain", stretch: "fill" } as const;

/**
 * Decodes a picture in any format that sharp reads: turned as its EXIF orientation says, put on
 * white where it is transparent, brought to sRGB or grey with 8 bits, and to `spec.size`.
 * Throws "image-invalid" for what is no picture, or a damaged one.
 *
 * @example
 * const size = { height: 224, width: 224 };
 * const cat = await decodePicture(bytes, "cat.jpg", { channels: 3, size, resize: "crop" });
 */
export async function decodePicture(
  bytes: Uint8Array,
  name: string,
  spec: PictureSpec,
): Promise<Picture> {
  const { channels, size } = spec;
  try {
    let image = sharp(bytes, { failOn: "error" }).autoOrient().flatten({ background: "white" });
    if (size) {
      image = image.resize({
        ...size,
        fit: fits[spec.resize],
        position: "centre",
        background: barGrey,
        // Bilinear and antialiased, as networks were trained with (Pillow, torchvision).
        kernel: "linear",
        fastShrinkOnLoad: false,
      });
    }
    image = channels === 1 ? image.grayscale().toColourspace("b-w") : image.toColourspace("srgb");
    const { data, info } = await image
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new Error(`it has ${info.channels} channels`);
    return { height: info.height, width: info.width, channels, data };
  } catch (cause) {
    throw new RekindleError("image-invalid", `${name}: ${reasonOf(cause)}`, {
      fix: "pass a complete picture: PNG, JPEG, WebP, TIFF, GIF, AVIF or SVG",
      cause,
    });
  }
}

/** One line, without the names of libvips' loaders. */
function reasonOf(error: unknown): string {
  const message = messageOf(error).split("\n")[0]!.trim();
  if (/unsupported image format/i.test(message)) return "it is not a picture in a known format";
  if (/pixel limit/i.test(message)) return "it has more than 268 million pixels";
  return `the picture is damaged (${message.replace(/^\w+: /, "")})`;
}

const encoders = {
  ".png": (image: Sharp) => image.png(),
  ".jpg": (image: Sharp) => image.jpeg({ quality: 95 }),
  ".jpeg": (image: Sharp) => image.jpeg({ quality: 95 }),
  ".webp": (image: Sharp) => image.webp({ lossless: true }),
  ".tif": (image: Sharp) => image.tiff({ compression: "deflate" }),
  ".tiff": (image: Sharp) => image.tiff({ compression: "deflate" }),
};

/** Throws "usage" unless pictures can be written under this name. */
export function checkPictureName(path: string): void {
  const extension = extname(path).toLowerCase();
  if (extension in encoders) return;
  const what = extension === "" ? "a name without an ending" : extension;
  throw new RekindleError("usage", `cannot write ${path}: ${what} is not a picture format`, {
    fix: `end the name in one of ${Object.keys(encoders).join(" ")}`,
  });
}

/** Encodes a picture in the format that the ending of `path` names. */
export async function encodePicture(picture: Picture, path: string): Promise<Uint8Array> {
  checkPictureName(path);
  const { height, width, channels, data } = picture;
  const encode = encoders[extname(path).toLowerCase() as keyof typeof encoders];
  return await encode(sharp(data, { raw: { height, width, channels } })).toBuffer();
}
