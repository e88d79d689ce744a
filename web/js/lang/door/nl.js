export default {
  needed: "Je hebt een link nodig",
  unknown: "Deze link gaat nergens heen",
  expired: "Deze link is verlopen",
  revoked: "Deze link is gesloten",
  showsOnly: "Deze link is alleen om te kijken",
  locked: "Wat is het wachtwoord?",
  away: "Zo weer terug",
  offline: "Geen verbinding",
  password: "Wachtwoord",
  show: "Tonen",
  hide: "Verbergen",
  enter: "Doorgaan",
  checking: "Even kijken…",
  enterIn: "Opnieuw over {time}",
  enterNow: "Je kunt het nu opnieuw proberen.",
  tryAgain: "Opnieuw proberen",
  language: "Taal",
  errors: {
    link_needed: "Open de link of scan de code die je hebt gekregen.",
    link_unknown:
      "Misschien is er onderweg een stukje van verloren gegaan. Open hem nog eens vanuit het bericht of met de code, of vraag om een nieuwe.",
    link_expired:
      "Zijn tijd is voorbij. Wat is aangekomen, is veilig. Heb je nog meer? Vraag dan om een nieuwe link.",
    link_revoked:
      "Hij is gesloten door wie hem heeft gemaakt. Wat is aangekomen, is veilig. Heb je nog meer? Vraag dan om een nieuwe link.",
    link_no_upload:
      "Foto’s toevoegen is voor deze link niet toegestaan. Vraag je gastheer of gastvrouw om het aan te zetten.",
    password_required: "Het kwam met de link mee; vraag er anders even naar.",
    password_wrong: "Dat is het niet. Let op hoofdletters en probeer het opnieuw.",
    rate_limited: "Dat waren te veel pogingen. Wacht even.",
    cookies:
      "Het klopt, maar je browser onthoudt het niet. Sta cookies toe en probeer het opnieuw.",
    offline: "Controleer je verbinding. Deze pagina blijft het vanzelf proberen.",
    internal: "De server is even niet bereikbaar. Deze pagina blijft het vanzelf proberen.",
  },
};
