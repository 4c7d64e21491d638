
/* The logit lens: of the chosen token with the likeliest of each layer, and of all tokens. */

function layerName(layers) {
    return layers === 0 ? "embedding" : "after layer " + (layers - 1);
}

/* A token with its probability, on a ground that is the darker the likelier it is. */
function lensCell(id, logprob) {
    const p = Math.exp(logprob);
    const cell = make("td", "", tokenElement(id), " ", make("span", "quiet", percent(p)));
    cell.style.background = "color-mix(in srgb, var(--accent) " + (45 * p).toFixed(0) + "%, var(--page))";
    return cell;
}

function headRow(...names) {
    return make("tr", "", ...names.map((name) => {
        const head = make("th", "", name);
        head.scope = "col";
        return head;
    }));
}

function rowHead(...children) {
    const head = make("th", "", ...children);
    head.scope = "row";
    return head;
}

function drawLensChosen() {
    const table = document.getElementById("lens-chosen");
    const note = document.getElementById("lens-note");
    const body = table.tBodies[0];
    table.hidden = chosen.item === 0;
    body.replaceChildren();
    if (chosen.item === 0) {
        note.replaceChildren("Nothing is before the first token, so no layer says anything about it.");
        return;
    }
    const t = chosen.item - 1;
    note.replaceChildren(chosen.item < nTokens ? "The chosen token, " : "The likeliest next token, ",
        tokenElement(data.targets[t]), ", has in each layer this probability and rank, and these would be likeliest:");
    data.lens.forEach((layer, layers) => {
        const row = make("tr", "", rowHead(layerName(layers)), number(percent(Math.exp(layer.logprobs[t]))),
            number(String(layer.ranks[t])));
        const top = layer.top[t];
        for (let i = 0; i < top.length; i += 2) {
            row.append(lensCell(top[i], top[i + 1]));
        }
        body.append(row);
    });
}

const lensRows = []; /* by item */

function fillLens() {
    const names = [];
    for (let i = 0; i < data.lens[0].top[0].length; i += 2) {
        names.push(i === 0 ? "likeliest" : i / 2 + 1 + ".");
    }
    document.querySelector("#lens-chosen thead").append(headRow("", "probability", "rank", ...names));
    if (names.length === 0) {
        return;
    }
    const table = document.getElementById("lens");
    table.tHead.append(headRow("token", ...data.lens.map((layer, layers) => layerName(layers))));
    for (let item = 1; item <= nTokens; item++) {
        const row = make("tr", "", rowHead(item < nTokens ? tokenElement(data.ids[item]) : "next\u2026"));
        data.lens.forEach((layer) => row.append(lensCell(layer.top[item - 1][0], layer.top[item - 1][1])));
        row.addEventListener("click", () => choose({item}));
        lensRows[item] = row;
        table.tBodies[0].append(row);
    }
}

function drawLens() {
    lensRows.forEach((row, item) => row.classList.toggle("here", item === chosen.item));
}
