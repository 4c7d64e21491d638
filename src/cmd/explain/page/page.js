
/* Put the page together, and keep it so: another choice, other colors, printing. */

redraw.push(drawChosenItem, drawExpected, drawChosenHead, drawLines, drawWeights, drawLensChosen,
    drawLens, drawContributions);

fillAbout();
fillText();
fillLegend();
fillHeads();
fillLargeMap();
fillLens();
drawHeads();
textBox.addEventListener("keydown", onTextKey);
document.getElementById("all-lines").addEventListener("change", drawLines);

/* Colors of maps are drawn, so they do not change by themselves. */
function drawMaps() {
    drawHeads();
    drawLargeMap();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMaps);

/* Paper has no clicks: all is shown, in the colors of paper. */
let opened = [];
addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach((details) => details.open = true);
    isPrinting = true;
    drawMaps();
});
addEventListener("afterprint", () => {
    opened.forEach((details) => details.open = false);
    isPrinting = false;
    drawMaps();
});

/* Begin with the most surprising token. */
let first = nTokens;
for (let t = 1; t < nTokens; t++) {
    first = first === nTokens || data.logprobs[t] < data.logprobs[first] ? t : first;
}
choose({item: first});
