/* What the HTML files of commands share: one style, no script, no other file. */

const style = `
:root { color-scheme: light dark; --line: light-dark(#d8d8de, #3a3a42);
  --back: light-dark(#fff, #17171b); --code: light-dark(#f3f3f6, #222228);
  --dim: light-dark(#63636e, #a2a2ae); --bad: light-dark(#b3261e, #ff8a80);
  --slow: light-dark(#8a5a00, #f2c063); --good: light-dark(#1b6e37, #7ddc9a); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 4rem; background: var(--back);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; display: inline; }
article, .verdict { border: 1px solid var(--line); border-left-width: 6px; border-radius: 6px;
  padding: .8rem 1rem; margin: .8rem 0; }
.blocks, .fails { border-left-color: var(--bad); } .blocks .label { color: var(--bad); }
.slows, .unknown, .no-card { border-left-color: var(--slow); } .slows .label { color: var(--slow); }
.works { border-left-color: var(--good); }
.label { font-weight: 700; text-transform: uppercase; font-size: .8rem; margin-right: .5rem; }
.dim, small { color: var(--dim); } p { margin: .5rem 0; }
pre { background: var(--code); border-radius: 4px; padding: .6rem .8rem; margin: .4rem 0;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .6rem .25rem 0; vertical-align: top;
  overflow-wrap: anywhere; } td:first-child { white-space: nowrap; }
details { margin: .4rem 0; } summary { cursor: pointer; color: var(--dim); font-size: .9rem; }
`;

/** A page from its title, a text, and its body, HTML. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

/** A source: an address, or a thread "owner/name#123" of GitHub, as a link. */
export function linked(at: string): string {
  const thread = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(at);
  const href = thread
    ? `https://github.com/${thread[1]}/issues/${thread[2]}`
    : /^https:\/\/\S+$/.exec(at)?.[0];
  return href ? `<a href="${escaped(href)}">${escaped(at)}</a>` : escaped(at);
}

/** A text in which nothing is read as HTML. */
export function escaped(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
