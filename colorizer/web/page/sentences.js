// What went wrong, in words: errors of the worker have short names, those of browsers their own texts.

const SENTENCES = {
  unreadable: (name) => `This browser can't read ${name}. It reads whole files of JPEG, PNG, WebP and AVIF.`,
  memory: (name) => `This device has too little memory for ${name}.`,
  gone: (name) => `${name} is not on this site any longer: close the page and open it again.`,
  damaged: (name) => `${name} arrived damaged: please try again.`,
  stopped: () => "The page could not be loaded as a whole: please reload it.",
  offline: (name) => `${name} could not be loaded: is there a connection?`,
};
const OFFLINE = /fetch|network|load failed|module/i; // as Chrome, Firefox and Safari say it

/** Return a sentence about an error with a photo or a network of this name. */
export function sentence({ message }, name) {
  const kind = OFFLINE.test(message) ? "offline" : message;
  return SENTENCES[kind]?.(name) ?? `${name} failed: ${message}`;
}
