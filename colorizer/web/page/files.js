// Files that the visitor downloads.

export const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };

/** Return an archive of files, { name: blob }. */
export async function zip(entries) {
  const { zipSync } = await import("./fflate.js"), contents = {};
  for (const [name, blob] of Object.entries(entries)) contents[name] = [new Uint8Array(await blob.arrayBuffer()), { level: 0 }];
  return new Blob([zipSync(contents)], { type: "application/zip" });
}

/** Download a file under a name. */
export function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
