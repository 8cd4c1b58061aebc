// Makes the forms quicker; nothing here is needed. Keys are those that elements name themselves (data-key).
"use strict";
(() => {
  const wrong = document.getElementById("wrong");
  if (wrong) wrong.focus();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const typing = event.target.closest("textarea, input:not([type=radio])");
    if (typing) {
      // Enter in the reason saves, as it does in any other field; with Shift it breaks the line.
      if (event.key === "Enter" && !event.shiftKey && event.target.matches("form.answer textarea")) {
        event.preventDefault();
        event.target.form.requestSubmit();
      }
      return;
    }
    const found = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!found) return;
    event.preventDefault();
    if (found.matches("input[type=radio]")) {
      found.checked = true;
      found.focus();
      const reason = found.form.querySelector("textarea");
      const needed = found.value !== "keep" || found.form.dataset.objects === "yes";
      if (needed && reason && !reason.value.trim()) reason.focus();
    } else {
      found.click();
    }
  });

  // A passkey: the browser asks for it, and what it gives back goes into the form's own fields.
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const ask = {
    async get({ challenge, site }, field) {
      const publicKey = { challenge: bytes(challenge), rpId: site, userVerification: "required", timeout: 240000 };
      const { response } = await navigator.credentials.get({ publicKey });
      field("authenticator").value = text(response.authenticatorData);
      field("client").value = text(response.clientDataJSON);
      field("signature").value = text(response.signature);
    },
    async create({ challenge, site, user, name }, field) {
      const made = await navigator.credentials.create({
        publicKey: {
          challenge: bytes(challenge),
          rp: { id: site, name: "Access review" },
          user: { id: bytes(user), name, displayName: name },
          // OpenSSH checks this kind of a browser's signatures, and no other.
          pubKeyCredParams: [{ type: "public-key", alg: -7 }],
          authenticatorSelection: { residentKey: "required", userVerification: "required" },
          attestation: "none",
          timeout: 240000,
        },
      });
      field("spki").value = text(made.response.getPublicKey());
      field("id").value = made.id;
    },
  };
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const told = form.querySelector("[data-told]");
      told.hidden = true;
      try {
        await ask[form.dataset.passkey](form.dataset, (name) => form.elements.namedItem(name));
        form.submit();
      } catch (error) {
        told.textContent = `The passkey did not sign (${error.name}). Nothing was changed; try again.`;
        told.hidden = false;
      }
    });
    // Until now the form would have gone off without what the passkey gives.
    form.querySelector("button").disabled = false;
  }
})();
