// What stands around the viewer: the network's description, and old photos to try.

export function describe({ name, year, text, title, paper }) {
  const heading = Object.assign(document.createElement("h2"), { textContent: name });
  heading.append(Object.assign(document.createElement("small"), { textContent: ` ${year}` }));
  const link = Object.assign(document.createElement("a"), { href: paper, textContent: title, rel: "noreferrer" });
  const lines = [text, link].map((content) => { const line = document.createElement("p"); line.append(content); return line; });
  document.querySelector("#about").replaceChildren(heading, ...lines);
}

export function showExamples(examples) {
  document.querySelector("#examples").append(...examples.map(({ title, credit, small, photo }, number) => {
    const button = Object.assign(document.createElement("button"), { type: "button", title: `${title}: ${credit}` });
    button.append(Object.assign(new Image(), { src: small, alt: title }));
    button.onclick = () => window.dispatchEvent(new CustomEvent("viewer-example", { detail: { number, source: photo } }));
    return button;
  }));
}
