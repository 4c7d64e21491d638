
/* What each part adds to the logit of the chosen token, as bars to both sides. */

function bothSides(share) {
    const box = make("div", "both");
    const fill = document.createElement("i");
    fill.className = share < 0 ? "against" : "";
    fill.style.left = 50 + Math.min(50 * share, 0) + "%";
    fill.style.width = 50 * Math.abs(share) + "%";
    box.append(fill);
    return make("td", "wide", box);
}

function signed(x) {
    return (x < 0 ? "\u2212" : "+") + Math.abs(x).toFixed(3);
}

function drawContributions() {
    const table = document.getElementById("contributions");
    const note = document.getElementById("contributions-note");
    const body = table.tBodies[0];
    table.hidden = chosen.item === 0;
    body.replaceChildren();
    if (chosen.item === 0) {
        note.replaceChildren("Nothing is before the first token, so it has no logit.");
        return;
    }
    const t = chosen.item - 1;
    const values = data.contributions[t];
    const greatest = Math.max(...values.map(Math.abs), 1e-9);
    note.replaceChildren(chosen.item < nTokens ? "The logit of the chosen token, " : "The logit of the likeliest next token, ",
        tokenElement(data.targets[t]), ", is " + signed(data.logits[t]) + ":");
    values.forEach((value, part) => {
        body.append(make("tr", "", rowHead(data.parts[part]), number(signed(value)), bothSides(value / greatest)));
    });
    body.append(make("tr", "sum", rowHead("their sum, the logit"), number(signed(data.logits[t])), make("td", "wide")));
}
