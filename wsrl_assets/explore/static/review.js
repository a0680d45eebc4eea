// Keys of the review, and the document opened at its evidence. Each key presses what is on the page.
"use strict";

const one = (selector) => document.querySelector(selector);

function openAtEvidence() {
  const box = one(".reading .document");
  const mark = box && box.querySelector("mark");
  if (mark) {
    const offset = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
    box.scrollTop += offset - (innerWidth > 900 ? 120 : 30);
  }
}

function press(selector) {
  const found = one(selector);
  if (found) found.click();
}

function open(selector, focused) {
  const details = one(selector);
  if (!details) return;
  details.open = true;
  details.querySelector(focused).focus();
}

function closeAll() {
  for (const details of document.querySelectorAll(".review details")) details.open = false;
  if (document.activeElement) document.activeElement.blur();
}

const KEYS = {
  j: () => press(".begin .button, .walk a[rel=next]"),
  k: () => press(".walk a[rel=prev]"),
  a: () => press(".review .accept"),
  r: () => open(".review .reject", "button"),
  n: () => open(".review .remark", "textarea"),
};

function pressReason(number) {
  if (one(".review .reject[open]")) press(`.reject li:nth-child(${number}) button`);
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "Escape") closeAll();
  else if (isTyping && event.key === "Enter" && event.ctrlKey) press(".review .remark button");
  else if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  else if (KEYS[event.key]) KEYS[event.key]();
  else if (/^[1-8]$/.test(event.key)) pressReason(Number(event.key));
  else return;
  event.preventDefault();
});

openAtEvidence();
