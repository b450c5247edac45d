// The visible texts whose contrast is below what WCAG AA requires, with their ratio. Texts on pictures are not judged.
() => {
  const channels = (color) => { const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const linear = (level) => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const found = new Set(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    const isSeen = element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 1 && box.height > 1;
    if (!text || !isSeen || element.closest("script, style, .stage, :disabled")) continue;
    const layers = [];
    let opacity = 1, brightness = 1;
    for (let each = element; each; each = each.parentElement) {
      const { backgroundColor, opacity: own, filter } = getComputedStyle(each);
      opacity *= own;
      brightness *= filter.match(/brightness\(([\d.]+)\)/)?.[1] ?? 1;
      layers.push(channels(backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    const below = layers.reverse().reduce((all, layer) => over(layer, all), [255, 255, 255, 1]);
    const [r, g, b, a] = channels(style.color);
    const above = over([r * brightness, g * brightness, b * brightness, a * opacity], below);
    const [dark, bright] = [luminance(above), luminance(below)].sort((one, two) => one - two);
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (bright + 0.05) / (dark + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) found.add(ratio.toFixed(2) + " " + text.slice(0, 40));
  }
  return [...found];
}
